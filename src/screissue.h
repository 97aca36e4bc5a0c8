/*-------------------------------------------------------------------------
 *
 * screissue.h
 *	  Declarations shared by the server side of screissue.
 *
 * The own SQLSTATE class SR is only for what a client branches on; the same
 * table stands in doc/reference.md and a test compares the two.  PL/pgSQL
 * raises the same codes, most of them only there.
 *
 *-------------------------------------------------------------------------
 */
#ifndef SCREISSUE_H
#define SCREISSUE_H

#define ERRCODE_SR_NOT_SET_UP MAKE_SQLSTATE('S', 'R', '0', '0', '1')
#define ERRCODE_SR_UNKNOWN_PARTY MAKE_SQLSTATE('S', 'R', '0', '0', '2')
#define ERRCODE_SR_UNKNOWN_APPLICATION MAKE_SQLSTATE('S', 'R', '0', '0', '3')
#define ERRCODE_SR_UNKNOWN_CARD MAKE_SQLSTATE('S', 'R', '0', '0', '4')
#define ERRCODE_SR_CARD_STATUS MAKE_SQLSTATE('S', 'R', '0', '0', '5')
#define ERRCODE_SR_ALREADY_REISSUED MAKE_SQLSTATE('S', 'R', '0', '0', '6')
#define ERRCODE_SR_NOT_APPROVED MAKE_SQLSTATE('S', 'R', '0', '0', '7')
#define ERRCODE_SR_UNKNOWN_MESSAGE MAKE_SQLSTATE('S', 'R', '0', '0', '8')
#define ERRCODE_SR_CONTRADICTION MAKE_SQLSTATE('S', 'R', '0', '0', '9')
#define ERRCODE_SR_CARD_CHECK MAKE_SQLSTATE('S', 'R', '0', '1', '0')
#define ERRCODE_SR_KEY_NOT_AVAILABLE MAKE_SQLSTATE('S', 'R', '0', '1', '1')
#define ERRCODE_SR_UNDECRYPTABLE MAKE_SQLSTATE('S', 'R', '0', '1', '2')

#endif /* SCREISSUE_H */
