# Inquiries by the number of cards.
set title 'inquire, by the number of cards'
set xlabel 'cards'
set ylabel 'us of CPU for a call'
set logscale x
set format x '%.0s%c'
set xrange [7000:15000000]
set yrange [0:*]
set grid y
unset key
plot reference . 'inquire_scale.dat' using 1:2:3:4 with yerrorlines lc rgb '#4070a0' lw 2 pt 7
