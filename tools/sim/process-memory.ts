/** The memory of one simulated process, which can go wrong: every partition that notices is dropped. */
import type { ActorType, Instance } from '../../actors/actor.ts';
import type { ActorTypes } from '../../runtime/command.ts';
import type { Limits } from '../../runtime/limits.ts';

export class ProcessMemory {
  /** While it fails, every actor that has changed is to leave it at once, and cannot be written down. */
  failing = false;

  limits(limits: Limits): Limits {
    const residentsMax = (): number => (this.failing ? 0 : limits.residentsMax);
    return Object.defineProperty({ ...limits }, 'residentsMax', { get: residentsMax });
  }

  types(types: ActorTypes): ActorTypes {
    return new Map([...types].map(([name, type]) => [name, this.#held(type)]));
  }

  #held(type: ActorType): ActorType {
    return {
      ...type,
      start: (saved): Instance => {
        const instance = type.start(saved);
        const text = instance.text.bind(instance);
        return Object.assign(instance, {
          text: () => {
            if (this.failing) throw new Error('a fault of the memory');
            return text();
          },
        });
      },
    };
  }
}
