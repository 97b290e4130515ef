# Scaling with threads: the geometric mean over all layers of time on one thread / time.
width = 1000; height = 400; plot_name = 'threads'
data_dir = ARG1; output_path = ARG2; png = ARG3 eq 'png'
load ARG0[1:strlen(ARG0) - strlen('threads.gp')].'style.gp'

set xlabel 'threads'
set ylabel 'times faster than one thread'
set xtics 1
set xrange [0.8:threads_most + 0.2]
set yrange [0:threads_most + 0.3]
set key outside right top vertical Left reverse samplen 2
plot x with lines dashtype 2 linecolor rgb foreground title 'ideal', \
     for [i in families_used] data('threads.tsv') \
         using (strcol(1) eq word(families, int(i)) ? $2 : NaN):3 \
         with linespoints pointtype int(word(filled, int(i))) linecolor rgb colour(int(i)) \
         title word(families, int(i))
