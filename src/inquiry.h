/*-------------------------------------------------------------------------
 *
 * inquiry.h
 *	  Inquiries by card attribute
 *
 *-------------------------------------------------------------------------
 */
#ifndef SCREISSUE_INQUIRY_H
#define SCREISSUE_INQUIRY_H

extern void screissue_define_inquiry_settings(void);

#endif /* SCREISSUE_INQUIRY_H */
