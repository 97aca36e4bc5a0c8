# How the own memory of a backend grows while it makes a call up to a million times.
set title 'Growth of a backend, from a quarter of the calls on'
set xlabel '% of the calls'
set ylabel 'kB more'
set xrange [25:100]
set yrange [-300:600]
set grid
set key outside right font 'sans-serif,9' samplen 2
plot 256 with lines lc rgb '#a03030' lw 2 title 'no more than this', \
     for [i = 0:16] reference . 'soak.dat' index i using (5 * ($0 + 1)):3 with lines lw 1.5 title columnheader(1)
