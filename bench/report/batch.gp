# Scaling with the batch: time of one image, one thread.
width = 1000; height = 400; plot_name = 'batch'
data_dir = ARG1; output_path = ARG2; png = ARG3 eq 'png'
load ARG0[1:strlen(ARG0) - strlen('batch.gp')].'style.gp'

set xlabel 'batch'
set ylabel 'ms for each image'
set logscale x 2
set xrange [0.9:*]
set yrange [0:*]
set title batch_label noenhanced
set key outside right top vertical Left reverse samplen 2
plot for [i in families_used] data('batch.tsv') \
         using (strcol(1) eq word(families, int(i)) ? $2 : NaN):($3 / $2) \
         with linespoints pointtype int(word(filled, int(i))) linecolor rgb colour(int(i)) \
         title word(families, int(i))
