/** What a client sent as its SNI where that is no name, escaped; NULL for all other connections. */
export const INVALID_SNIS = `
ALTER TABLE connection ADD COLUMN invalid_sni TEXT;
`
