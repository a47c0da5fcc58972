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
  /** A login for everybody: joins the one under way, or begins one. */
  shared(work: () => Promise<T>): Promise<T>;
  /** A login of its own, after the one under way: with a password, or with a phone number. Its failure is its own. */
  alone(work: () => Promise<T>): Promise<T>;
  /** From now on: gives the failure of a login for everybody, undefined where none failed. */
  watched(): () => unknown;
}

export function renewal<T>(): Renewal<T> {
  let underWay: Promise<T> | undefined;
  let joinable = false;
  let failed: { error: unknown } | undefined;

  function begun(work: () => Promise<T>, forAll: boolean): Promise<T> {
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

  async function settled(): Promise<void> {
    while (underWay) await underWay.catch(() => undefined);
  }

  async function shared(work: () => Promise<T>): Promise<T> {
    while (underWay && !joinable) await underWay.catch(() => undefined);
    return underWay || begun(work, true);
  }

  async function alone(work: () => Promise<T>): Promise<T> {
    await settled();
    return begun(work, false);
  }

  function watched(): () => unknown {
    const before = failed;
    return () => (failed && failed !== before ? failed.error : undefined);
  }

  return { settled, shared, alone, watched };
}
