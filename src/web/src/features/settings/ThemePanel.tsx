import { Icon } from '../../components/Icon.tsx';
import { chooseTheme, THEMES, useThemeChoice } from '../../lib/theme.ts';

export function ThemePanel() {
  const theme = useThemeChoice();
  return (
    <section className="panel" aria-labelledby="theme">
      <div className="panel-head">
        <h2 id="theme">Theme</h2>
      </div>
      <div className="panel-body">
        <fieldset className="chips">
          <legend className="visually-hidden">Theme</legend>
          {THEMES.map(({ choice, label, icon }) => (
            <label key={choice} className="chip">
              <input type="radio" name="theme" checked={theme === choice} onChange={() => chooseTheme(choice)} />
              <Icon name={icon} />
              {label}
            </label>
          ))}
        </fieldset>
      </div>
    </section>
  );
}
