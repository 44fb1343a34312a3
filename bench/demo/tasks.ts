// The tasks of the demonstration, with the learning rates that were tuned for each.

import { loadFashionMnist } from '../data/fashion-mnist.js';
import { loadMnist } from '../data/mnist.js';
import { contestants, tuned } from './contestants.js';
import { lenetContestants, makeLenet } from './lenet.js';
import { makePerceptron, widths } from './perceptron.js';
import type { Task } from './task.js';

const { sgd, adamw, foof, kfac, eva, gaussian, subcolumn } = contestants;
const { momentum, decay, observeEvery, refreshEvery } = foof.options;
const shared = `momentum ${momentum}, weight decay 5e-4, moving averages with decay ${decay}, an observation every ${observeEvery} steps and a refresh every ${refreshEvery}. All learning rates fall to 0 along a cosine.`;

export const perceptron: Task = {
  name: 'perceptron',
  title: 'A perceptron on MNIST',
  dataset: 'MNIST',
  network: `perceptron ${widths.join('–')}`,
  load: loadMnist,
  make: makePerceptron,
  contestants: [
    sgd,
    tuned(adamw, 0.003),
    tuned(foof, 0.3),
    kfac,
    eva,
    tuned(gaussian, 0.3),
    tuned(subcolumn, 0.3),
  ],
  notes: [
    `FOOF, KFAC, Eva and NysAct share ${shared}`,
    'Settings are those of the NysAct paper for CIFAR (its Table VI), except four learning rates that were tuned for this perceptron: the best of a third of the paper’s, the paper’s and three times the paper’s on validation images. Test images played no part. That search is not part of the demonstration, so what it gained is not quoted.',
  ],
};

export const lenet: Task = {
  name: 'lenet',
  title: 'LeNet on Fashion-MNIST',
  dataset: 'Fashion-MNIST',
  network: 'LeNet-5, 61,706 weights',
  load: loadFashionMnist,
  make: makeLenet,
  contestants: lenetContestants,
  notes: [
    `FOOF and NysAct share ${shared}`,
    'Settings are those of the NysAct paper for CIFAR (its Table VI), except the learning rates, which were tuned for this network and this many steps: the best of a tenth, a third, one, three and ten times the paper’s on 10,000 images that are in no sample here; for Adam, whose best was the last, thirty times too. All but Adam did best at the paper’s. That search is not part of the demonstration.',
    'The images are those of Fashion-MNIST, split anew: accuracies are not comparable with those on its published test images.',
  ],
};
