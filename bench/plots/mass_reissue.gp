# A batch of a million cards, twentieth by twentieth
set title 'run_reissue_batch, three applications a card'
set xlabel 'cards reissued'
set ylabel 'cards/s'
set format x '%.0s%c'
set yrange [0:*]
set grid y
set key bottom left
data = reference . 'mass_reissue.dat'
plot data using 1:2 with linespoints pt 7 ps 0.5 lw 2 lc rgb '#4070a0' title 'the batch', \
     data using 1:3 with lines lw 2 lc rgb '#a03030' title 'INSERT ... SELECT of the same rows'
