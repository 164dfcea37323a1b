/**
 * Which numbers of equal uses of the data cost at most a limit, with few looks at the cost. Cost only grows with use, so
 * what is found at one number holds for all below it, or for all above.
 */
export class AffordableSteps {
  /** Known to cost at most the limit. */
  private within = 0;
  /** Known to cost more. */
  private beyond = Infinity;

  /**
   * @param cost   epsilon after a number of uses
   * @param limit  epsilon at most
   */
  constructor(
    private readonly cost: (steps: number) => number,
    private readonly limit: number,
  ) {}

  /** Whether this many cost at most the limit. */
  allow(steps: number): boolean {
    if (this.limit === Infinity) return true;
    while (steps > this.within && steps < this.beyond) {
      const unbounded = this.beyond === Infinity;
      const trial = unbounded ? Math.max(steps, 2 * this.within) : Math.floor((this.within + this.beyond) / 2);
      if (this.cost(trial) <= this.limit) this.within = trial;
      // Also where the cost is NaN.
      else this.beyond = trial;
    }
    return steps <= this.within;
  }

  /** How many more than `steps` cost at most the limit, `most` where it is more. */
  beyondSteps(steps: number, most: number): number {
    let least = 0;
    let tooMany = 1;
    while (tooMany <= most && this.allow(steps + tooMany)) [least, tooMany] = [tooMany, 2 * tooMany];
    tooMany = Math.min(tooMany, most + 1);
    while (tooMany - least > 1) {
      const middle = Math.floor((least + tooMany) / 2);
      if (this.allow(steps + middle)) least = middle;
      else tooMany = middle;
    }
    return least;
  }
}
