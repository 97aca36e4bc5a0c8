/*-------------------------------------------------------------------------
 *
 * suspicion.h
 *	  Inquiries that no terminal in order makes
 *
 *-------------------------------------------------------------------------
 */
#ifndef SCREISSUE_SUSPICION_H
#define SCREISSUE_SUSPICION_H

extern void screissue_define_inquiry_alarm(void);
extern void screissue_watch_inquiries(uint64_t provider, int64 inquiry_no);

#endif /* SCREISSUE_SUSPICION_H */
