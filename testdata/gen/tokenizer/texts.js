// The inputs on which tokenizers go wrong.
const repeat = (s, n) => s.repeat(n)

exports.texts = [
  // Plain.
  '',
  'Hello, world!',
  'The quick brown fox jumps over the lazy dog.',
  "Don't stop: it's state-of-the-art (really) & costs $3.50/kg.",
  '안녕하세요, 세계! 한국어 토큰화를 시험합니다.',
  '나는 오늘 아침밥을 먹었다.',
  '서울특별시에서 2024년 3월 1일에 열린 AI검색 세미나',
  'Mixed한국어and영어words섞어쓰기',
  'emails@example.com https://example.com/a_b?c=d#e',
  // Only white space, and all kinds of it.
  ' ',
  ' \t\n\r ',
  '\u3000\u00a0\u2003',
  'a\tb\nc\rd\r\ne',
  'a\u00a0b\u2003c\u3000d\u202fe\u205ff\u1680g',
  'line\u2028separator\u2029paragraph',
  'next\u0085line\u000bvertical\u000cform\u001cfile\u001funit',
  // Characters that cleaning removes.
  'zero\u200bwidth\u200cnon\u200djoiner\u2060word',
  '\ufeffbyte order mark\ufeff',
  'soft\u00adhyphen\u00ad',
  'nul\u0000bell\u0007del\u007fesc\u001b[0m',
  'replace\ufffdment \ufffd',
  'private\ue000use\u{f0000}and\u{10fffd}',
  'left\u202ato\u202eright\u2066isolate\u2069',
  '\u200b',
  'e\u200b\u0301 a\u0001\u0301',
  // Composed and decomposed.
  'caf\u00e9 cafe\u0301 na\u00efve nai\u0308ve \u00c5ngstro\u0308m',
  '\u1100\u1161\u11a8 \uac01 \u1112\u1161\u11ab\u1100\u1173\u11af',
  '한글'.normalize('NFD') + ' ' + '한글'.normalize('NFC'),
  'a\u0323\u0301 a\u0301\u0323 \u1ea1\u0301 \u00e1\u0323',
  '\u0344\u0323x \u0301start',
  '\u302ea\u302f\u0301 \ub098\u302e\u0323 g\u0308\u302fe',
  '\u{1d15e}\u{1d165} \u{1d1bb}\u{1d16e}x',
  'q\u0307\u0323 Q\u0323\u0307 \u1e69 s\u0323\u0307',
  '\u2126 \u212b \u212a \u1fef \u037e \u2000\u2001 \u2329x\u232a',
  '\u0f73\u0f75\u0f81 \u0958 \u09dc \u0b5c \u0dda',
  '\u3099\u304b\u3099 \u304c \u30cf\u309a \u30d1',
  // Case.
  'İstanbul ISTANBUL ıstanbul İİ',
  'STRASSE Straße ẞ ﬁnal ﬀ',
  'ΟΔΥΣΣΕΥΣ ὈΔΥΣΣΕΎΣ Σ σ ς',
  'ǅ ǄǄ Ǆ ᾼ ᾳ Ⅷ Ⓐ Ａｂ',
  'Ａｌｌ　ｗｉｄｅ　１２３！？，．',
  '𐐀𐐨 𞤀𞤢 Ꙁꙁ Ⴀⴀ Აა ᲀ',
  // Ideographs.
  '日本語と中文と漢字',
  '한자漢字섞인text',
  '\u3400\u4dbf\u4e00\u9fff\uf900\ufaff',
  '\u{20000}\u{2a6df}\u{2a700}\u{2b73f}\u{2b740}\u{2b81f}\u{2b820}\u{2b91f}\u{2b920}\u{2ceaf}\u{2ceb0}\u{2f800}\u{2fa1f}\u{30000}',
  '\uf914\u{2f80c}\ufa1d x\u{2f80c}y',
  'ひらがなカタカナ ｶﾀｶﾅ 〇 々 ㍿ ㎏ ①',
  // Emoji.
  '👍 👍🏽 👩‍👩‍👧‍👦 ❤️ 🇰🇷 #️⃣ 🏳️‍🌈',
  'good😀bad😡',
  '☺︎☺️ ⌚ ™ © ®',
  // Other scripts.
  'ภาษาไทยไม่มีช่องว่าง กำลัง',
  'اَلْعَرَبِيَّةُ ٱللُّغَةُ ـــ كتاب، كتب؟',
  'हिन्दी में पाठ। क्‍ष क्‌ष ५६',
  'עִבְרִית שָׁלוֹם־עוֹלָם',
  'Привет, Йод и Ёлка ёж',
  'Tiếng Việt có dấu Đường',
  'தமிழ் മലയാളം ಕನ್ನಡ తెలుగు ગુજરાતી',
  'ဗမာ ခမែរ ລາວ བོད་ཡིག ሰላም፡ዓለም።',
  '\u07fd\u07ca \u1dfa\u0323 \u{11938} \u1b7d \u061d \u2e52',
  // Punctuation.
  '«quoted» “curly” ‘single’ … — – ‐ ·',
  '[]{}<>|\\^`~_=+*@#$%&',
  '、。「」『』【】〜・ー！',
  '##hash ##ing # #hash a##b',
  '¡Hola! ¿Qué? §1 ¶2 ·3 €5 £6 ¥7 ₩8 ±9 ×10',
  // Special and added tokens in the text.
  '[CLS] hello [SEP] world [MASK] [UNK] [PAD]',
  '[MASK][MASK]x[MASK]. [ MASK ] [mask] [Mask]',
  'the[MASK]  [MASK]the\u00a0[MASK]\n',
  '한국어 [MASK] 검색[MASK]를',
  'see <ent> and<ent>x  <lead>  a <tail>  b <both>  c',
  '<lead><tail> <both> <both>\t<lead>',
  'one tokens token_x tokentoken token, (token) Token TOKEN 토큰 토큰화',
  'New York NEW YORK new  york new york newyork \u00e9t\u00e9 ete ETE',
  'ab abc abcd abcabd bcd',
  // Long words.
  repeat('a', 99) + ' ' + repeat('a', 100) + ' ' + repeat('a', 101) + ' end',
  repeat('가', 100) + ' ' + repeat('가', 101),
  repeat('e\u0301', 100) + ' ' + repeat('é', 101),
  repeat('각', 34) + ' ' + repeat('각', 33),
  repeat('\u00ad', 50) + repeat('b', 100),
  repeat('漢', 150),
  repeat('!', 120),
  // Unknown pieces.
  'unknown⌘word ☃ snow☃man ☃☃ 뷁 뷁스럽다 쀍',
  'x\u0301y\u20ddz a\u20e3'
]

const passage = 'The quick brown fox jumps over the lazy dog. ' +
  '서울은 한국의 수도이다. The dog, not amused, sleeps [MASK] again; the fox runs and runs.'

exports.pairs = [
  ['Where is the dog?', passage],
  [passage, 'the dog'],
  ['한국의 수도는 어디인가?', '서울은 한국의 수도이며 가장 큰 도시이다. 한강이 흐른다.'],
  ['', 'the dog'],
  ['the dog', ''],
  ['', ''],
  ['the dog [SEP] the fox', '\u200b']
]

const all = []
for (const strategy of ['LongestFirst', 'OnlyFirst', 'OnlySecond']) {
  for (const direction of ['right', 'left']) {
    for (const maxLength of [10, 15, 24]) all.push({ maxLength, strategy, direction, stride: 0 })
  }
}
exports.truncations = all

// Windows over the second text.
exports.windows = [
  { maxLength: 20, stride: 0 }, { maxLength: 20, stride: 4 }, { maxLength: 21, stride: 9 },
  { maxLength: 33, stride: 16 }, { maxLength: 64, stride: 8 }
].flatMap(o => ['right', 'left'].map(direction => ({ ...o, strategy: 'OnlySecond', direction })))

// Windows over a single text.
exports.splits = [
  { maxLength: 8, stride: 0 }, { maxLength: 8, stride: 3 }, { maxLength: 12, stride: 9 }
].flatMap(o => ['right', 'left'].map(direction => ({ ...o, strategy: 'LongestFirst', direction })))
