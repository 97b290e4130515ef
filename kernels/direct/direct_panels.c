/**
 * @file direct_panels.c
 * NCHW with pixels in the lanes: the register tiles with their roles swapped. Rows of the filter
 * are broadcast, and x is copied into panels, whose vectors are pixels; so y is stored as it lies,
 * K needs no rounding, and no float of x or y is transposed.
 *
 *   for each strip of y, for each share of the output channels       <- threads
 *       copy the strip's x into panels, once a thread                <- in L2
 *       for each few output channels                                 <- their w in L1
 *           for each chunk of the depth, for each panel: a tile          <- registers
 *
 * Where pixels of x lie as those of y (1x1) and L2 holds w, x is mostly not copied on its own:
 *
 *   for each strip of y, for each share of the output channels       <- threads
 *       for each panel, for each chunk of the depth                  <- in L1
 *           for the first few output channels: a tile, which makes the panel as it reads x
 *           for each other few: a tile, which asks for the next chunk's x
 *
 * The pixels of an image are counted as one row, p * Q + q, which is how they lie in y. A panel
 * holds, for each group and term d of the depth, in the order r, s, c, the x under that tap of some
 * pixels side by side, zero on padding: [groups][depth][width]. Packed w is [K][R][S][C/groups].
 */
#include "kernels/direct/direct_panels.h"

#include "core/arithmetic.h"
#include "core/cpu.h"
#include "core/layer_checked.h"
#include "kernels/carve.h"
#include "kernels/share.h"
#include "kernels/tile/tile_epilogue.h"

static int64_t floats_of(const struct convoy_plan *plan)
{
    return plan->kernels->vector_floats;
}

static int64_t strips_of_image(const struct convoy_plan *plan)
{
    return divide_up(plan->P * plan->Q, plan->blocking.strip_columns);
}

struct panel panels_panel(const struct convoy_plan *plan, const struct panels_strip *strip,
                          int64_t index)
{
    int64_t floats = floats_of(plan);
    int64_t first = (strip->vectors * index + min64(index, strip->wider)) * floats;
    int64_t vectors = strip->vectors + (index < strip->wider);
    int64_t pixels = min64(vectors * floats, strip->pixels - first);
    return (struct panel){
        .data = plan->blocking.panel_first
                    ? strip->panels
                    : strip->panels + first * panels_terms(plan) + index * PANEL_GAP,
        .first = first,
        .pixels = pixels,
        .width = (int)round_up(pixels, plan->kernels->tile->granule),
    };
}

/* How many panels from `panel` on are as wide, and full; at least that one. */
static int64_t count_alike(const struct panels_strip *strip, const struct panel *panel)
{
    int64_t pixels = strip->pixels - panel->first;
    int64_t wider = strip->wider * panel->width - panel->first;
    return max64((wider > 0 ? min64(pixels, wider) : pixels) / panel->width, 1);
}

static void find_alike(const struct convoy_plan *plan, struct panels_strip *strip)
{
    const struct tile_shapes *shapes = plan->kernels->tile;
    const int floats = plan->kernels->vector_floats;
    strip->widths = 0;
    for (int64_t i = 0; i < strip->count;) {
        struct panels_alike *alike = &strip->alike[strip->widths++];
        alike->panel = panels_panel(plan, strip, i);
        alike->count = count_alike(strip, &alike->panel);
        const int width = alike->panel.width, vectors = (width + floats - 1) / floats;
        alike->multiply = width % floats == 0 ? shapes->multiply[vectors - 1]
                                              : shapes->multiply_half[vectors - 1];
        i += alike->count;
    }
}

/* Strip `index` of y, in panels of even widths. Strips have as many panels as can be alike, else a
   thread may have most of them. */
static void place_strip(const struct convoy_plan *plan, int64_t index, struct panels_strip *strip)
{
    const struct blocking *b = &plan->blocking;
    int64_t of_image = strips_of_image(plan), i = index % of_image, pixels = plan->P * plan->Q;
    int64_t of_panel = b->tile_vectors * floats_of(plan), panels = divide_up(pixels, of_panel);
    strip->n = index / of_image;
    strip->pixel = panels * i / of_image * of_panel;
    strip->pixels = min64(pixels, panels * (i + 1) / of_image * of_panel) - strip->pixel;
    int64_t vectors = divide_up(strip->pixels, floats_of(plan));
    strip->count = divide_up(vectors, b->tile_vectors);
    strip->vectors = vectors / strip->count;
    strip->wider = vectors % strip->count;
    find_alike(plan, strip);
}

int64_t direct_panels_strips(const struct convoy_plan *plan)
{
    return plan->layer.N * strips_of_image(plan);
}

int64_t direct_panels_flops(const struct convoy_plan *plan)
{
    int64_t flops = 2 * layer_depth(&plan->layer);
    bool fits =
        multiply_checked(&flops, round_up(plan->P * plan->Q, plan->kernels->tile->granule)) &&
        multiply_checked(&flops, plan->layer.K) && multiply_checked(&flops, plan->layer.N);
    return fits ? flops : INT64_MAX;
}

double direct_panels_copies(const struct convoy_plan *plan)
{
    const convoy_layer *l = &plan->layer;
    int64_t vectors = divide_up(plan->P * plan->Q, floats_of(plan));
    double pieces = (double)(vectors + (l->R * l->S > 1 || l->stride_w > 1 ? plan->P : 0));
    return pieces * (double)(l->N * panels_terms(plan));
}

/* Part of the rows of register tiles with so many vectors that the output channels fill. */
static double rows_filled(const struct convoy_plan *plan, int vectors)
{
    int64_t rows = plan->kernels->tile->pixels_max[vectors - 1];
    int64_t Kg = layer_Kg(&plan->layer);
    return (double)Kg / (double)round_up(Kg, rows);
}

/* Vectors of a panel. Of short sums as many as can be, if they are copied in pieces, which takes
   shorter for wide ones; else fewer rows, and more calls, must be worth it. */
static int panel_vectors(const struct convoy_plan *plan)
{
    const struct tile_shapes *shapes = plan->kernels->tile;
    const convoy_layer *l = &plan->layer;
    const double worth = 1.02;
    bool pieces = l->R * l->S > 1;
    bool wide = direct_sums_are_short(plan) &&
                (pieces || rows_filled(plan, shapes->vectors_max) >
                               worth * rows_filled(plan, shapes->vectors_best));
    return wide ? shapes->vectors_max : shapes->vectors_best;
}

bool direct_panels_fit(const struct convoy_plan *plan)
{
    const convoy_layer *l = &plan->layer;
    int64_t bytes = 4 * floats_of(plan) * panel_vectors(plan);
    return l->layout == CONVOY_NCHW && !plan->blocking.lanes && !plan->blocking.dots &&
           multiply_checked(&bytes, layer_depth(l)) && multiply_checked(&bytes, l->groups) &&
           bytes <= (int64_t)cpu_l2_bytes() / 2;
}

/* Do pixels of x lie as those of y? */
static bool is_pointwise(const convoy_layer *l)
{
    return l->R == 1 && l->S == 1 && l->stride_w == 1 && l->stride_h == 1 && !layer_is_padded(l);
}

/* Should each panel be made by the first of its own tiles, right before the others? Then it stays
   in L1 and is never copied on its own, but w comes from L2 for each panel, and y is stored from
   row to row. In cycles, as measured on Zen 2. Not if panels begin within lines, which are gone
   again when the next panel wants the rest of them: from afar that takes long (256 -> 64 channels
   at 75x75: 0.80 of the time without, on Zen 3). */
static bool goes_panel_by_panel(const struct convoy_plan *plan)
{
    const convoy_layer *l = &plan->layer;
    const struct blocking *b = &plan->blocking;
    const int64_t width = b->tile_vectors * floats_of(plan), pixels = plan->P * plan->Q;
    const int64_t Cg = layer_Cg(l), row_bytes = 4 * (max64(Cg, width) + PANEL_ROW_FLOATS);
    const double l2 = (double)cpu_l2_bytes();
    if (!is_pointwise(l) || (double)l->K * (double)row_bytes > l2 * 2 / 3) {
        return false;
    }
    const double bytes = layer_x_bytes(l) + layer_y_bytes(l);
    const bool far = bytes > l2, whole_lines = pixels * 4 % 64 == 0;
    if (bytes > 8 * l2 && !whole_lines) {
        return false;
    }
    const double panel = 200, call = 50, line_copied = 2.7, row_stored = far ? 1.2 : 0.5;
    const double lines = (double)(Cg * divide_up(width, 16)), rows = (double)layer_Kg(l);
    const double widths = pixels < width || pixels % width == 0 ? 1 : 2;
    const double calls = widths * (double)(divide_up(pixels, b->strip_columns) * b->k_blocks);
    const double panels = (double)(l->groups * divide_up(pixels, width));
    return call * calls + panels * (line_copied * lines - row_stored * rows - panel) > 0;
}

/* What the busiest of some threads has of so many units. */
static double busiest_share(int64_t units, int threads)
{
    return (double)divide_up(units, threads) / (double)units;
}

/* Panel by panel, strips are only what threads share: some panels, or all of an image where its
   output channels are shared more evenly. */
static void share_panels(struct convoy_plan *plan, int threads)
{
    struct blocking *b = &plan->blocking;
    const int64_t width = b->tile_vectors * floats_of(plan), N = plan->layer.N;
    const int64_t panels = divide_up(plan->P * plan->Q, width);
    b->strip_columns = panels * width;
    b->k_parts = 1;
    if (threads == 1) {
        return;
    }
    const int64_t all = multiply_saturated(N, panels), enough = 32 * (int64_t)threads;
    if (all < enough && busiest_share(N * b->k_blocks, threads) < busiest_share(all, threads)) {
        b->k_parts = min64(b->k_blocks, threads);
    } else {
        b->strip_columns = max64(1, min64(panels, all / enough)) * width;
    }
}

void direct_panels_prepare(struct convoy_plan *plan)
{
    struct blocking *b = &plan->blocking;
    const struct tile_shapes *shapes = plan->kernels->tile;
    const int panel = panel_vectors(plan);
    int64_t floats = floats_of(plan), depth = panels_terms(plan);
    int64_t vectors = divide_up(plan->P * plan->Q, floats);
    int64_t most = (int64_t)cpu_l2_bytes() / 3 / (4 * floats * depth);
    /* whole panels: one of fewer vectors takes about as long */
    most = round_up(max64(1, min64(most, STRIP_PIXELS_MAX / floats)), panel);
    most = round_up(divide_up(vectors, divide_up(vectors, most)), panel);
    b->strip_images = b->strip_rows = 1;
    b->strip_columns = most * floats;
    b->tile_vectors = (int)divide_up(most, divide_up(most, panel));
    b->tile_pixels = shapes->pixels_max[b->tile_vectors - 1];
    b->k_blocks = plan->layer.groups * divide_up(layer_Kg(&plan->layer), b->tile_pixels);
    b->panel_first = goes_panel_by_panel(plan);
    plan->work = direct_panels_work(plan); /* which threads depend on */
    const int threads = direct_threads(plan);
    if (b->panel_first) {
        share_panels(plan, threads);
    } else {
        const int64_t wanted = threads > 1 ? 4 * (int64_t)threads : 1;
        b->k_parts = min64(b->k_blocks, divide_up(wanted, direct_panels_strips(plan)));
    }
}

static int64_t carve_strip(const struct convoy_plan *plan, char *workspace,
                           struct panels_strip *strip)
{
    const struct blocking *b = &plan->blocking;
    const int64_t floats = floats_of(plan), panel = b->tile_vectors * floats;
    const int64_t rows = b->panel_first ? plan->layer.K : b->tile_pixels;
    const int64_t gaps = b->strip_columns / floats * PANEL_GAP;
    const int64_t panels =
        b->panel_first ? panel * b->depth_block : b->strip_columns * panels_terms(plan) + gaps;
    const int64_t residual = plan->layer.epilogue.residual ? panel : 0;
    int64_t used = 0;
    strip->panels = carve(workspace, &used, 4 * panels);
    strip->row = carve(workspace, &used, 4 * panels_row_floats(plan));
    strip->sums = carve(workspace, &used, 4 * rows * panels_sums_pitch(plan));
    strip->y = carve(workspace, &used, 4 * rows * panel);
    strip->residual = carve(workspace, &used, 4 * rows * residual);
    strip->w_rows = carve(workspace, &used, rows * (int64_t)sizeof *strip->w_rows);
    strip->sums_rows = carve(workspace, &used, rows * (int64_t)sizeof *strip->sums_rows);
    strip->y_rows = carve(workspace, &used, rows * (int64_t)sizeof *strip->y_rows);
    strip->residual_rows = carve(workspace, &used, rows * (int64_t)sizeof *strip->residual_rows);
    return used;
}

int64_t direct_panels_bytes(const struct convoy_plan *plan)
{
    struct panels_strip strip = {0};
    return carve_strip(plan, NULL, &strip);
}

/* The x of those groups that a part of the blocks reads, and that no part before it read. */
static void pack_part(const struct convoy_plan *plan, const convoy_tensor *x,
                      const struct panels_strip *strip, int64_t *packed)
{
    if (strip->end_group > *packed) {
        panels_pack(plan, x, strip, max64(strip->first_group, *packed), strip->end_group);
        *packed = strip->end_group;
    }
}

static void work_strips(const struct convoy_plan *plan, const struct operands *operands,
                        char *workspace, struct share *share)
{
    const int64_t parts = plan->blocking.k_parts;
    struct tile_epilogue epilogue = tile_epilogue_of(&plan->layer.epilogue);
    epilogue.bias = plan->bias;
    struct panels_strip strip = {0};
    carve_strip(plan, workspace, &strip);
    int64_t current = -1, packed = 0; /* groups of the strip whose x is in panels */
    for (int64_t unit; (unit = share_next(share)) >= 0;) {
        int64_t index = unit / parts;
        const bool same_rows =
            current >= 0 && parts == 1 && strip.n == index / strips_of_image(plan);
        if (index != current) {
            place_strip(plan, index, &strip);
            current = index;
            packed = 0;
        }
        if (!same_rows) {
            panels_choose_part(plan, operands, &strip, unit % parts);
        }
        if (plan->blocking.panel_first) {
            panels_multiply_panels(plan, operands, &strip, &epilogue);
        } else {
            pack_part(plan, operands->x, &strip, &packed);
            panels_multiply_blocks(plan, operands, &strip, &epilogue);
        }
    }
}

void direct_panels_execute(const struct convoy_plan *plan, const struct operands *operands)
{
    share_units(plan, operands, direct_threads(plan),
                direct_panels_strips(plan) * plan->blocking.k_parts, SHARE_EVENLY, work_strips);
}
