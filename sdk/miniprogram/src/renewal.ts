/**
 * One login for everybody who needs one.
 *
 * A page that fires a hundred requests with a state that is too old gets a hundred refusals. The first begins a login, the
 * others wait for it. Where it fails, its failure is the answer of all that were under way meanwhile: none of them tries
 * again, or a busy platform would be asked a hundred times.
 */
export interface Renewal<T> {
  /** Until no login is under way, whatever becomes of it. */
  settled(): Promise<void>;
  /**
   * A login. One `forAll` joins the one under way, if that is for all too, or begins. Any other is somebody's own, with a
   * password or a phone number: it begins after the one under way, and its failure is nobody else's.
   */
  entered(forAll: boolean, work: () => Promise<T>): Promise<T>;
  /** The last failure of a login for everybody: another object, another failure. */
  failure(): { error: unknown } | undefined;
}

export function renewal<T>(): Renewal<T> {
  let underWay: Promise<T> | undefined;
  let joinable = false;
  let failed: { error: unknown } | undefined;

  async function settled(): Promise<void> {
    while (underWay) await underWay.catch(() => undefined);
  }

  async function entered(forAll: boolean, work: () => Promise<T>): Promise<T> {
    while (underWay && !(forAll && joinable)) await underWay.catch(() => undefined);
    if (underWay) return underWay;
    joinable = forAll;
    underWay = work().then(
      (result) => {
        underWay = undefined;
        return result;
      },
      (error: unknown) => {
        underWay = undefined;
        if (forAll) failed = { error };
        throw error;
      },
    );
    return underWay;
  }

  return { settled, entered, failure: () => failed };
}
