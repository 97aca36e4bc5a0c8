# What the index of each type takes, 5,000,000 random ids: size and time to build.
set title 'Index on 5,000,000 random ids of 16 digits'
set style data histograms
set style histogram clustered gap 1
set style fill solid 0.6
set ylabel 'MB'
set y2label 's of CPU to build'
set yrange [0:*]
set y2range [0:*]
set ytics nomirror
set y2tics
set grid y
set key top left
plot reference . 'index.dat' using 2:xticlabels(1) title 'size' lc rgb '#4070a0', \
     '' using 3 axes x1y2 title 'time to build' lc rgb '#a07030'
