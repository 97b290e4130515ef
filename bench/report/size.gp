# Time against size: one layer at growing height and width, one thread; the line is the FMA peak.
width = 1000; height = 480; plot_name = 'size'
data_dir = ARG1; output_path = ARG2; png = ARG3 eq 'png'
load ARG0[1:strlen(ARG0) - strlen('size.gp')].'style.gp'

set xlabel 'height and width'
set ylabel 'ms'
set logscale xy
set title size_label noenhanced
set xtics (7, 14, 28, 56, 112, 224)
set xrange [6:260]
set key outside right top vertical Left reverse samplen 2
plot x * x * size_flops / peak * 1e-6 with lines dashtype 2 linecolor rgb foreground \
         title 'at the peak', \
     for [i in families_used] data('size.tsv') \
         using (strcol(1) eq word(families, int(i)) ? $2 : NaN):3 \
         with linespoints pointtype int(word(filled, int(i))) linecolor rgb colour(int(i)) \
         title word(families, int(i))
