// What a kernel throws where it cannot do its work: nothing is written then, and others do it.

/** Not here: the same call on other kernels gives the result. */
export class Refusal extends Error {
  override readonly name = 'Refusal';
}
