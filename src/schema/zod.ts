import { z } from 'zod';

// zod would compile each schema to code on first use: 20 ms of every short run, for schemas that are used once or twice.
z.config({ jitless: true });

export { z };
