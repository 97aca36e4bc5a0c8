# How long one notice takes from COMMIT to being seen, as a distribution.
set title 'From COMMIT at the issuer until visible at the provider'
set xlabel 'ms'
set ylabel '% of the notices'
set logscale x
set xrange [0.2:50]
set yrange [0:100]
set grid
set key bottom right
set arrow from 5, 0 to 5, 100 nohead lc rgb '#a03030' lw 2
plot reference . 'commit_to_visible.dat' using 2:1 with lines lc rgb '#4070a0' lw 2 title 'landing in the inbox', \
     '' using 3:1 with lines lc rgb '#909090' lw 2 title 'plain replication, equal table'
