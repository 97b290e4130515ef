# Roofline: what the machine allows at an arithmetic intensity, and where every layer is.
width = 1000; height = 640; plot_name = 'roofline'
data_dir = ARG1; output_path = ARG2; png = ARG3 eq 'png'
load ARG0[1:strlen(ARG0) - strlen('roofline.gp')].'style.gp'

set logscale xy
set xrange [x_least:x_most]
set yrange [y_least:y_most]
set xlabel 'FLOP / byte of least traffic'
set ylabel 'GFLOP/s, one thread'
set key outside right top vertical Left reverse samplen 1.5 spacing 1.2
ceiling(x, bandwidth) = bandwidth * x < peak ? bandwidth * x : peak
set samples 400
set label 1 sprintf('FMA peak %.0f GFLOP/s', peak) at graph 0.1, first peak * 1.25 left \
    textcolor rgb foreground

plot ceiling(x, memory) with lines linewidth 2 linecolor rgb foreground \
         title sprintf('memory %.0f GB/s', memory), \
     ceiling(x, l2) with lines linewidth 1.5 dashtype 2 linecolor rgb foreground \
         title sprintf('L2 %.0f GB/s', l2), \
     for [i in families_used] data('roofline.tsv') \
         using (strcol(1) eq word(families, int(i)) ? $2 : NaN):3 \
         with points pointtype int(word(filled, int(i))) pointsize 1.1 \
         linecolor rgb colour(int(i)) \
         title word(families, int(i)), \
     for [i in families_used] data('roofline.tsv') \
         using (strcol(1) eq word(families, int(i)) ? $2 : NaN):4 \
         with points pointtype int(word(hollow, int(i))) pointsize 1.1 \
         linecolor rgb colour(int(i)) notitle, \
     NaN with points pointtype 7 linecolor rgb foreground title 'filled: effective', \
     NaN with points pointtype 6 linecolor rgb foreground title 'hollow: executed'
