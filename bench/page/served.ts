// What the page asks its server for.

/** The address of the images. */
export const imagesPath = '/images.bin';

/** How many images there are: fifty batches, and some to measure accuracy on. */
export const imageCounts = { train: 6_400, test: 1_000 } as const;
