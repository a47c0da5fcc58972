"""Passwords that are tried first: the ones that head every published list of leaked passwords.

Not a long list. Guessing is held back by the lock-out; this keeps out what falls within its first tries. Those of fewer
than four different characters are not here: the policy refuses every such password.
"""

from __future__ import annotations

from typing import Final

__all__ = ["COMMON_PASSWORDS"]

_WORDS: Final = """
0123456789 0987654321 1011121314 102030 10203040 11223344 1122334455 11235813 123000 123012 1231234 123123a 123123qwe
12341234 1234321 12344321 123454321 123456 1234560 12345600 123456123 1234566 1234567 12345678 123456780 123456789
1234567890 1234567891 12345678910 123456789a 123456789q 12345678a 12345679 1234567a 1234567q 1234568 123456a 123456aa
123456abc 123456as 123456q 123456qq 123456qw 123456qwe 123456x 123456z 12345a 12345abc 12345qwe 12345qwert 12345qwerty
1234abcd 1234qwer 123654 123654789 123698745 123789 123abc 123admin 123asd 123qaz 123qwe 123qweasd 123qweasdzxc 123zxc
131415 1314520 13145200 1314521 1314921 135790 1357924680 142536 147258 147258369 147852 147852369 147896325 159357
159753 1a2b3c 1a2b3c4d 1q2w3e 1q2w3e4r 1q2w3e4r5t 1q2w3e4r5t6y 1qaz1qaz 1qaz2wsx 1qaz2wsx3edc 1qaz@wsx 1qazxsw2 234567
23456789 246810 258369 258456 3.1415926 314159 31415926 321654 321654987 369258147 456123 456789 456852 5201314 52013140
5201314a 5211314 52113140 5841314520 584520 584521 654321 6543210 741852 741852963 753951 789456 789456123 789654123
852456 87654321 876543210 951753 963852741 987654 98765432 987654321 9876543210 a112233 a11223344 a123123 a123321 a12345
a123456 a1234567 a12345678 a123456789 a1b2c3 a1b2c3d4 a1s2d3f4 a5201314 a654321 aa112233 aa123123 aa123456 aa123456.
aa12345678 aa123456789 aa5201314 aaa123 ab123456 abc123 abc1234 abc12345 abc123456 abc123456789 abc123abc abcd123
abcd1234 abcd123456 abcde12345 abcdef abcdefg abcdefgh abcdefghi access account adidas admin1 admin12 admin123 admin1234
admin12345 admin123456 admin888 admin@123 adminadmin administrator alexander alexandra alibaba amanda andrea andrew
angel123 angels animal anthony apple123 arsenal as123456 asd123 asd123456 asdasd123 asdf1234 asdfasdf asdfgh asdfghj
asdfghjk asdfghjkl asdqwe123 asdzxc ashley august austin azerty babygirl bailey baseball basketball batman beautiful
beijing benjamin blink182 bubbles buster butterfly carlos changeme charlie cheese chelsea chocolate chris123 christ
computer cookie corvette cowboys daniel danielle dearbook default diablo diamond douglas dragon dragon123 eminem
estrella fangfang ferrari fishing flower fluffy football forever freedom friend friends gandalf george ginger golfer
google guest123 guitar harley heather hello123 helloworld hockey hotmail hunter hunter2 ihateyou iloveu iloveyou
iloveyou1 iloveyou2 internet iwantu jackson jasmine jasper jennifer jessica jesus1 jiangsu jordan jordan123 jordan23
joseph joshua juventus killer knight kobe24 letmein letmein1 li123456 lin123456 liu123456 liverpool love1314 love520
lovely loveme loveyou madison maggie manager manchester marina marlboro martin master master123 matrix matthew maverick
melissa menshen menshen123 mercedes merlin metallica michael michelle mickey minecraft monkey monkey123 monster morgan
murphy mustang myspace1 naruto nicole nihao123 nihaoma ninja123 nothing number1 orange p@55w0rd p@ssw0rd p@ssword
pa$$w0rd pakistan parola pass1234 passw0rd password password! password1 password12 password123 password1234
password123456 password2 passwort patrick peanut phoenix photoshop pikachu pokemon prince princess princess1 purple
q123456 q123456789 q1w2e3 q1w2e3r4 q1w2e3r4t5 q1w2e3r4t5y6 qazwsx qazwsx123 qazwsxedc qazwsxedcrfv qazxsw qq123123
qq123456 qq123456789 qq1314520 qq5201314 qqww1122 qw123456 qwaszx qwe123 qwe1234 qwe123456 qweasd qweasd123 qweasdzx
qweasdzxc qweqwe123 qwer123 qwer1234 qwer12345 qwer123456 qwerasdf qwerqwer qwert123 qwert12345 qwerty qwerty1 qwerty12
qwerty123 qwerty1234 qwerty12345 qwerty123456 qwertyu qwertyui qwertyuiop qwertz rainbow ranger realmadrid richard
robert root123 root1234 s123456 samantha samsung samuel secret secret123 server shadow shanghai silver slipknot snoopy
soccer spiderman spongebob starwars steelers summer sunshine superman superman1 taylor temp1234 tencent test123 test1234
test12345 test123456 thomas thunder tiger123 tigger tinkerbell trustno1 tudelft tweety twilight user123 user1234 vanessa
victoria w123456 wang123 wang123456 wangjian wanglei wangwei wangxiao wangyang weixin weixin123 welcome welcome1
welcome123 whatever william winner wo123456 woaini woaini123 woaini1314 woaini1314520 woaini520 woaini521 woaiwojia
wodemima wojiushiwo woshishei xiaoming xiaoxiao xiazhili yang123456 yankees yellow z123456 z123456789 zag12wsx zaq12wsx
zaq1xsw2 zaqwsx zhang123 zhang123456 zhangjian zhanglei zhangwei zhangyang zhongguo zxc123 zxc123456 zxcasdqwe zxcvbn
zxcvbnm zxcvbnm1 zxcvbnm123
"""

COMMON_PASSWORDS: Final = frozenset(_WORDS.split())
"""In lower case."""
