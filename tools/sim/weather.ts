import type { Dice } from './dice.ts';

/** How bad things are: what each message, call and second of a simulation has to reckon with. */
export interface Weather {
  /** The usual time of a message on its way, in ms; one in a hundred takes `slowMs`. */
  readonly delayMs: number;
  readonly slowMs: number;
  /** Shares of the requests and replies (not events) that NATS loses, doubles or lets be overtaken. */
  readonly lost: number;
  readonly doubled: number;
  readonly overtaken: number;
  /** Shares of the calls to Redis that fail before and after they were carried out. */
  readonly refused: number;
  readonly unanswered: number;
}

export const fairWeather: Weather = {
  delayMs: 0.2,
  slowMs: 1,
  lost: 0,
  doubled: 0,
  overtaken: 0,
  refused: 0,
  unanswered: 0,
};

/** Each kind of trouble is there in some simulations and not in others, so that none hides another. */
export function someWeather(dice: Dice): Weather {
  const sometimes = (most: number): number => (dice.chance(0.4) ? dice.between(0, most) : 0);
  return {
    delayMs: dice.pick([0.1, 0.5, 2, 10]),
    slowMs: dice.pick([1, 20, 300, 1_500]),
    lost: sometimes(0.03),
    doubled: sometimes(0.05),
    overtaken: sometimes(0.05),
    refused: sometimes(0.03),
    unanswered: sometimes(0.05),
  };
}

/** The time of one message on its way. */
export const delayOf = ({ delayMs, slowMs }: Weather, dice: Dice): number =>
  dice.chance(0.01) ? dice.between(delayMs, slowMs) : dice.between(delayMs / 2, delayMs * 2);
