-- claim:  request_reload of a readable card that a notice is about, and its commit
-- peer:   one PL/pgSQL function for just that, by the same tables, as a competent user would write it
-- target: >= 1.5
-- unit:   us
-- data:   issuer sessions reload reload_peer
SELECT bench.open_session('reload', current_database()) \g /dev/null
SELECT c.our_time, c.peer_time, c.loop_time,
       1 / c.ratio, 1 / c.quartile_3, 1 / c.quartile_1, c.n
  FROM bench.compare_times(
           ours => $$SELECT bench.time_there('reload', format(
                         'CALL bench.request_reloads(%s, NULL)', 2 * $1))$$,
           peer => $$SELECT bench.time_there('reload', format(
                         'CALL bench.request_peer_reloads(%s, NULL)', 2 * $1 + 1))$$,
           rounds => 101) c;
ANALYZE;
SELECT bench.require(bench.approved_requests() = 2 * 102 * 50,
                     'rows of the requests') \g /dev/null
