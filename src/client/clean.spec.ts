import { clean } from './clean';

describe('clean', () => {
  it('removes what deceives or cannot be seen', () => {
    expect(clean('a\u202eb\u2066c\u200bd\u{e0041}e\0\r')).toBe('abcde');
  });

  it('leaves no format character but the joiners', () => {
    const left: number[] = [];
    let count = 0;
    for (let code = 0; code <= 0x10ffff; code++) {
      const one = String.fromCodePoint(code);
      if (/\p{Cf}/u.test(one)) {
        count++;
        if (clean(`a${one}b`) !== 'ab') {
          left.push(code);
        }
      }
    }
    expect(count).toBeGreaterThan(100);
    expect(left).toEqual([0x200c, 0x200d]);
  });

  it('keeps code, tabs, newlines, accents and joined emoji', () => {
    const code = 'x = "é 👩‍💻"\n\treturn x';
    expect(clean(code)).toBe(code);
  });
});
