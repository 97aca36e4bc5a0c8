-- claim:  reissue_card of a card with three applications, and its commit
-- peer:   the same row writes, a prepared statement for each row, in one transaction
-- target: <= 1.5
-- unit:   us
-- data:   issuer sessions reissue
SELECT bench.open_session('reissue', current_database()) \g /dev/null
SELECT *
  FROM bench.compare_times(
      ours => $$SELECT bench.time_there('reissue', format(
                    'CALL bench.reissue(%s, NULL)', 2 * $1))$$,
      peer => $$SELECT bench.time_there('reissue', format(
                    'CALL bench.write_reissue(%s, NULL)', 2 * $1 + 1))$$,
      rounds => 51);
ANALYZE;
SELECT bench.require(bench.reissued() = 5200, 'rows of the reissues') \g /dev/null
