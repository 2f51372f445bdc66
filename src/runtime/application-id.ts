/** "snim": SQLite's `application_id` of our files, by which reader and writer know them. */
export const APPLICATION_ID = 0x736e696d
