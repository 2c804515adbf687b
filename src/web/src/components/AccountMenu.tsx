import Dropdown from 'react-bootstrap/Dropdown';
import { NavLink, useNavigate } from 'react-router';
import { signOut, useMe } from '../lib/session.ts';
import { chooseTheme, THEMES, useThemeChoice } from '../lib/theme.ts';
import { tellProblem } from '../lib/toasts.ts';
import { Icon } from './Icon.tsx';

export function AccountMenu() {
  const { user, isAdmin } = useMe();
  const theme = useThemeChoice();
  const navigate = useNavigate();
  return (
    <Dropdown drop="up">
      <Dropdown.Toggle bsPrefix="btn btn-quiet account-button">
        <span className="avatar" aria-hidden="true">
          {[...user][0]}
        </span>
        <span className="grow truncate">
          <span className="visually-hidden">Account: </span>
          {user}
        </span>
        {isAdmin && <span className="small soft">Admin</span>}
      </Dropdown.Toggle>
      <Dropdown.Menu>
        <Dropdown.Item as="button" type="button" onClick={() => navigate('/settings')}>
          <Icon name="gear" />
          Settings
        </Dropdown.Item>
        <Dropdown.Divider />
        <Dropdown.Header>Theme</Dropdown.Header>
        {THEMES.map(({ choice, label, icon }) => (
          <Dropdown.Item
            as="button"
            type="button"
            key={choice}
            aria-current={theme === choice}
            onClick={() => chooseTheme(choice)}
          >
            <Icon name={icon} />
            <span className="grow">{label}</span>
            {theme === choice && <Icon name="check-lg" />}
          </Dropdown.Item>
        ))}
        <Dropdown.Divider />
        <Dropdown.Item as="button" type="button" onClick={() => signOut().catch(tellProblem)}>
          <Icon name="box-arrow-right" />
          Sign out
        </Dropdown.Item>
      </Dropdown.Menu>
    </Dropdown>
  );
}

/** The same for the sheet of a phone: themes are chosen in the settings there. */
export function AccountEntries() {
  const { user } = useMe();
  return (
    <div>
      <NavLink to="/settings" className="side-link">
        <Icon name="gear" />
        Settings
      </NavLink>
      <button type="button" className="side-link" onClick={() => signOut().catch(tellProblem)}>
        <Icon name="box-arrow-right" />
        Sign out {user}
      </button>
    </div>
  );
}
