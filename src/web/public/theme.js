// Runs before anything is painted, so that a dark page never flashes white. src/lib/theme.ts keeps it up to date later.
(() => {
  let choice = null;
  try {
    choice = localStorage.getItem('berth.theme');
  } catch {
    // Storage is refused: the system's choice it is.
  }
  const dark = choice === 'dark' || (choice !== 'light' && matchMedia('(prefers-color-scheme: dark)').matches);
  document.documentElement.dataset.bsTheme = dark ? 'dark' : 'light';
})();
