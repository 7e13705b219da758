// That there are scripts, and the chosen theme, before the first paint; so this is no module.
'use strict';
document.documentElement.dataset.script = 'on';
try {
  document.documentElement.dataset.theme = localStorage.getItem('theme') || 'auto';
} catch { /* storage is off: the system's */ }
