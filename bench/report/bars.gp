# Bars for each layer: effective throughput of each family, and of peers, in per cent of the peak.
# The columns of bars.tsv are the layer, then those that the file `bar_columns` names.
height = 560; width = 1000; plot_name = 'bars'
data_dir = ARG1; output_path = ARG2; png = ARG3 eq 'png'
load ARG0[1:strlen(ARG0) - strlen('bars.gp')].'style.gp'

set style data histogram
set style histogram clustered gap 1.2
set boxwidth 0.92 relative
set xtics rotate by -32 scale 0 noenhanced textcolor rgb foreground font ',11'
unset grid
set grid ytics linecolor rgb grid_colour linewidth 0.6
set ylabel 'effective, % of the FMA peak, one thread'
set yrange [0:bar_most]
set key above horizontal left Left reverse samplen 2 width 1
set arrow 1 from graph 0, first 100 to graph 1, first 100 nohead dashtype 2 linecolor rgb foreground
peer_colours = '#7d8a96 #aab4bc #5f6d79 #93a0aa #c0c8ce'
peer_patterns = '3 4 3 5 3'

family_of(name) = (found = 0, \
    sum [f = 1:words(families)] (word(families, f) eq name ? (found = f, 0) : 0), found)
column_colour(i) = family_of(word(bar_columns, i)) > 0 ? colour(family_of(word(bar_columns, i))) : \
    word(peer_colours, 1 + i % words(peer_colours))
column_pattern(i) = family_of(word(bar_columns, i)) > 0 ? \
    int(word(patterns, family_of(word(bar_columns, i)))) : \
    int(word(peer_patterns, 1 + i % words(peer_patterns)))

plot for [i = 1:words(bar_columns)] data('bars.tsv') using (column(i + 1)):xtic(1) \
    linecolor rgb column_colour(i) \
    fillstyle pattern column_pattern(i) border rgb column_colour(i) \
    title word(bar_columns, i)
