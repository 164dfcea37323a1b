import { packageBattery } from '@tfsci/tooling';

packageBattery({ dir: new URL('..', import.meta.url), bytes: { '.': 110_000 } });
