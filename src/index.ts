// The public names, in the order of the data's way.

export { activationSketch } from './nystrom/activation-sketch.js';
