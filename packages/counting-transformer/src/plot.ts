export { attentionStrip, balancePanel, scorePanel, slopesPanel, statesPanel, type PanelSize } from './figures/panels';
