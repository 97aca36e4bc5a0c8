# What subscriptions cost the issuer: commits of the writer, and CPU of the senders.
set title 'Subscriptions on one cluster: reissues per second, CPU of the senders for each'
set xlabel 'subscriptions'
set ylabel 'reissues (commits) per second'
set y2label 'CPU of all senders for a reissue, ms'
set xrange [-1:52]
set yrange [0:*]
set y2range [0:*]
set ytics nomirror
set y2tics
set grid
set key bottom right
plot reference . 'subscriptions.dat' using 1:2:3:4 with yerrorlines lc rgb '#4070a0' lw 2 pt 7 title 'reissues per second, with quartiles', \
     '' using 1:($5 / 1000) axes x1y2 with linespoints lc rgb '#a03030' lw 2 pt 5 title 'CPU for a reissue'
