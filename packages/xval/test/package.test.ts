import { packageBattery } from '@tfsci/tooling';

packageBattery({ dir: new URL('..', import.meta.url), bytes: { '.': 81_000, './node': 4_800 } });
