/*-------------------------------------------------------------------------
 *
 * caller.h
 *	  Who is calling
 *
 *-------------------------------------------------------------------------
 */
#ifndef SCREISSUE_CALLER_H
#define SCREISSUE_CALLER_H

extern Oid screissue_caller(void);

#endif /* SCREISSUE_CALLER_H */
