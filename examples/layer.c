/* One convolution layer from numbers to numbers: the shortest program on Convoy. */
#include <convoy/convoy.h>
#include <stdio.h>
#include <stdlib.h>

static void check(convoy_status status)
{
    if (status != CONVOY_OK) {
        fprintf(stderr, "%s: %s\n", convoy_status_name(status), convoy_error_detail());
        exit(EXIT_FAILURE);
    }
}

static float x[1][3][8][8], filter[4][3][3][3], y[1][4][8][8];

int main(void)
{
    convoy_layer layer;
    convoy_tensor input, output;
    convoy_plan *plan;
    void *workspace;

    check(convoy_layer_parse("c3h8w8_k4r3s3_same", &layer));
    check(convoy_tensor_view(CONVOY_FLOAT32, CONVOY_NCHW, 1, 3, 8, 8, x, &input));
    check(convoy_tensor_view(CONVOY_FLOAT32, CONVOY_NCHW, 1, 4, 8, 8, y, &output));
    check(convoy_tensor_fill_value(&input, 1));
    filter[2][0][1][1] = 5; /* output channel 2 is five times input channel 0 */
    check(
        convoy_plan_create(&layer, &(convoy_weights){.filter = &filter[0][0][0][0]}, NULL, &plan));
    check(convoy_workspace_create(convoy_plan_workspace_bytes(plan), &workspace));
    check(convoy_plan_execute(plan, &input, &output, workspace));
    printf("y[0][2][4][4] = %g\n", y[0][2][4][4]);
    convoy_workspace_destroy(workspace);
    convoy_plan_destroy(plan);
    return EXIT_SUCCESS;
}
