/**
 * Says that a StreamAccessLogsMessage goes on in the next one of its stream: a field that Envoy does not
 * have (15, a number other than 0). The receiver writes it into the parts of a large message, and
 * recordings keep it, so that a replay books the same.
 */
export const GOES_ON_TAG = 120

/** The field as it is written. */
export const GOES_ON: Uint8Array = Uint8Array.of(GOES_ON_TAG, 1)
