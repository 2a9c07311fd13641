@rem The shell of Windows has no exec. The scripts of package.json find this file instead.
@%*
