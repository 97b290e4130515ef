# What all plots share: the terminal, colours and symbols of the families of algorithms.
#
# A plot is called with: gnuplot -c PLOT.gp DATA_DIR OUTPUT svg|png, and keeps these before it loads
# this file, as load hides them. In SVG, foreground and grid are two marker colours that the page
# replaces by its own, for light and for dark. The families differ in lightness, in symbol and in
# fill pattern, so that they stay apart in grey.
foreground = png ? '#202020' : '#010203'
grid_colour = png ? '#d0d0d0' : '#040506'
if (png) {
    set terminal pngcairo size width,height enhanced font 'sans,11' linewidth 1.4
} else {
    set terminal svg size width,height dynamic enhanced font 'sans-serif,14' linewidth 1.4 \
        name plot_name
}
set output output_path
data(name) = data_dir.'/'.name

set encoding utf8
set border 3 linecolor rgb foreground
set tics nomirror textcolor rgb foreground
set key textcolor rgb foreground
set grid linecolor rgb grid_colour linewidth 0.6
set datafile separator '\t'
set title textcolor rgb foreground
set xlabel textcolor rgb foreground
set ylabel textcolor rgb foreground

families = 'naive reordered im2col direct winograd'
colours = '#9a9a9a #b07d2b #e0a000 #0f6fc6 #d1495b'
filled = '1 2 9 7 5'
hollow = '1 2 8 6 4'
patterns = '0 1 2 3 4'
colour(i) = word(colours, i)

load data('limits.gp')
