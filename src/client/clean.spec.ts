import { clean } from './clean';

describe('clean', () => {
  it('removes what deceives or cannot be seen', () => {
    expect(clean('a\u202eb\u2066c\u200bd\u{e0041}e\0\r')).toBe('abcde');
  });

  it('keeps code, tabs, newlines, accents and joined emoji', () => {
    const code = 'x = "é 👩‍💻"\n\treturn x';
    expect(clean(code)).toBe(code);
  });
});
