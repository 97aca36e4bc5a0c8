# Each claim against its target: 1 is the target, above is better.
margin(ratio, sense, target) = target == 0 ? NaN : sense eq '<=' ? target / ratio : ratio / target
set title 'Claims against their targets'
set ylabel 'times as good as the target'
set logscale y 2
set yrange [0.25:16]
set xtics rotate by -50
set rmargin 8
set boxwidth 0.7
set style fill solid 0.6
set grid y
unset key
plot reference . 'claims.txt' using (margin($4, strcol(5), $6)):xticlabels(1) with boxes lc rgb '#4070a0', \
     1 with lines lc rgb '#a03030' lw 2
