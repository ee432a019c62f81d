"""Personal data of people in Japan: found by what it looks like and what stands around it, and masked.

1. `windows.py` and its kernel go over the bytes once and mark where anything could stand: runs of six digits, an @, the name of a
   municipality with a number behind it;
2. only there, `contact.py` (e-mail, telephone, IP address, postal code), `numbers.py` (マイナンバー, 法人番号, cards, accounts,
   passports, licences) and `address.py` look closely: form, check digit (`check_digits.py`), and the words before and after;
3. `person_names.py`, where a recipe asks for it, looks at the words behind a label or beside a contact (SudachiPy);
4. `mask.py` puts a typed token in place of a value, or a value of the same form that is nobody's.

Columns say how many of each type a page had. The value is in no column, no log, no report.
"""
