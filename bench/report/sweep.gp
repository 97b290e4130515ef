# A sweep: effective throughput against one extent of a layer after the other. A triangle is a size
# that lies far below its neighbours.
width = 1000; height = 620; plot_name = 'sweep'
data_dir = ARG1; output_path = ARG2; png = ARG3 eq 'png'
load ARG0[1:strlen(ARG0) - strlen('sweep.gp')].'style.gp'

series_colour(i) = colour(1 + (i + 2) % words(colours))
at(walk, i) = strcol(1) eq walk && strcol(2) eq word(sweep_series, i)
mark_colour = '#d1495b'

set multiplot layout 2, 3 title sweep_label.', % of the FMA peak' noenhanced \
    textcolor rgb foreground
set yrange [0:*]
set offsets graph 0.02, graph 0.02, graph 0.04, 0
do for [walk in sweep_walks] {
    set xlabel walk
    if (words(sweep_series) > 1 && walk eq word(sweep_walks, 1)) {
        set key bottom right noenhanced samplen 2
    } else {
        unset key
    }
    plot for [i = 1:words(sweep_series)] data('sweep.tsv') \
             using (at(walk, i) ? $3 : NaN):4 with linespoints pointtype 7 pointsize 0.4 \
             linecolor rgb series_colour(i) title word(sweep_series, i), \
         for [i = 1:words(sweep_series)] data('sweep.tsv') \
             using (at(walk, i) && $5 == 1 ? $3 : NaN):4 with points pointtype 10 pointsize 1.4 \
             linecolor rgb mark_colour notitle
}
unset multiplot
