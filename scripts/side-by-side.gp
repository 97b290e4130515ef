# gnuplot -c side-by-side.gp OUTPUT.png TITLE=PICTURE.png ...
# Up to eight square pictures in one row, all in the same size.
pictures = ARGC - 1
side = pictures > 2 ? 256 : 512
set terminal pngcairo size pictures * side, side + 24 font ',11' background 'white'
set output ARGV[1]
unset border
unset tics
unset key
set size ratio -1
set multiplot
do for [i = 1:pictures] {
    argument = ARGV[i + 1]
    equals = strstrt(argument, '=')
    set lmargin at screen (i - 1.0) / pictures
    set rmargin at screen (i + 0.0) / pictures
    set bmargin at screen 0
    set tmargin at screen side / (side + 24.0)
    set title argument[1:equals - 1] offset 0, -0.7
    set autoscale fix
    plot argument[equals + 1:*] binary filetype=png with rgbimage
}
unset multiplot
