# gnuplot -c side-by-side.gp OUTPUT.png TITLE PICTURE.png [TITLE PICTURE.png ...]
# Square pictures in one row, all in the same size.
pictures = (ARGC - 1) / 2
side = pictures > 2 ? 256 : 512
set terminal pngcairo size pictures * side, side + 24 font ',11' background 'white'
set output ARGV[1]
unset border
unset tics
unset key
set size ratio -1
set lmargin 0
set rmargin 0
set tmargin 0
set bmargin 0
set multiplot
do for [i = 1:pictures] {
    set origin (i - 1.0) / pictures, 0
    set size 1.0 / pictures, 1
    set lmargin at screen (i - 1.0) / pictures
    set rmargin at screen (i + 0.0) / pictures
    set bmargin at screen 0
    set tmargin at screen side / (side + 24.0)
    set title ARGV[2 * i] offset 0, -0.7
    set autoscale fix
    plot ARGV[2 * i + 1] binary filetype=png with rgbimage
}
unset multiplot
