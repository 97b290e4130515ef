# The ladder: effective throughput of each rung, from the naive loop up.
width = 1000; height = 360; plot_name = 'ladder'
data_dir = ARG1; output_path = ARG2; png = ARG3 eq 'png'
load ARG0[1:strlen(ARG0) - strlen('ladder.gp')].'style.gp'

set style fill solid 0.85 border linecolor rgb foreground
set boxwidth 0.6
unset grid
set grid ytics linecolor rgb grid_colour linewidth 0.6
set logscale y
set xtics noenhanced scale 0
set yrange [ladder_least:ladder_most]
set ylabel ladder_label
unset key
plot data('ladder.tsv') using 0:3:xtic(1) with boxes linecolor rgb colour(4), \
     data('ladder.tsv') using 0:3:2 with labels offset 0, -0.8 textcolor rgb '#ffffff', \
     peak with lines dashtype 2 linecolor rgb foreground, \
     data('ladder.tsv') using (0):(peak):('FMA peak') every ::0::0 with labels offset -2, 0.7 \
         textcolor rgb foreground
