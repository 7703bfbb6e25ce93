/* For programs that count the bytes a test leaves. */
#ifndef QUARANTINE_H
#define QUARANTINE_H

#include "ways.h"

/* Debug builds keep the memory of the last handles freed: it fills up once,
   with handles of the kinds that the way frees. */
void fill_quarantine(enum way way);

#endif
