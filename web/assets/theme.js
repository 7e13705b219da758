// The chosen theme, before the first paint; so this is no module.
'use strict';
try {
  document.documentElement.dataset.theme = localStorage.getItem('theme') || 'auto';
} catch { /* storage is off: the system's */ }
