import './base.css';
import './diff.css';
import './magic.css';
